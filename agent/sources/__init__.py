"""What observes on a device. A source hands on host names and app identities and nothing else."""
