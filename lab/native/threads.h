/* What the preloaded library does when QEMU begins a thread (threads.c). */
void thread_migrates_out(void);
void thread_receives_post_copy(void);
void thread_is_cpu(int number);
