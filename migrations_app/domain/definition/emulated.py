"""CPU features that QEMU emulates without KVM, in every version that kvmweb supports (7.2 and later)."""

from __future__ import annotations

#: x86, in libvirt's words; its domain capabilities name what their host-model adds to these
EMULATED = frozenset(
    {
        *("CPU", "features", "that", "QEMU", "emulates", "without", "KVM,", "in", "every", "version", "that"),
        *("kvmweb", "supports", "(7.2", "and", "later).", "fpu", "de", "pse", "tsc", "msr", "pae", "mce", "cx8"),
        *("apic", "sep", "mtrr", "pge", "mca", "cmov", "pat", "pse36", "clflush", "acpi", "mmx", "fxsr", "sse"),
        *("sse2", "ss", "pni", "pclmuldq", "monitor", "ssse3", "cx16", "sse4.1", "sse4.2", "popcnt", "aes"),
        *("xsave", "movbe", "rdrand", "hypervisor", "fma", "avx", "f16c", "syscall", "nx", "mmxext", "pdpe1gb"),
        *("rdtscp", "lm", "3dnowext", "3dnow", "lahf_lm", "svm", "cr8legacy", "abm", "sse4a", "fsgsbase", "bmi1"),
        *("avx2", "smep", "bmi2", "erms", "adx", "smap", "clflushopt", "xsaveopt", "xgetbv1", "arat"),
    }
)
