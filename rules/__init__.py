"""What is watched: the taxonomy, the packs, the policy and the lookup. Needs no network and nothing else of ours."""
