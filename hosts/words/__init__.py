"""What kvmweb says about hosts, in plain sentences: a file per subject."""
