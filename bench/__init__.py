"""`make bench`: kvmweb compared with virsh on the lab's hosts. Only the ratios within one run mean something."""
