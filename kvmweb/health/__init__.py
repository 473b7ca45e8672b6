"""How kvmweb itself is: its processes, queues, journal, database and disk, and the hosts as it reaches them."""
