"""What kvmweb does when a VM writes its memory faster than the link carries it: policies, and what they decide."""
