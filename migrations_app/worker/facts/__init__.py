"""What both hosts are asked before a migration, a file per subject. Nothing is decided here; what fails is Unknown."""
