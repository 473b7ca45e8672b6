"""kvmweb beside virsh on the lab's real hosts: `make bench`. Ratios of one run, never absolute promises."""
