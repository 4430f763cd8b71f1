"""The agent: what runs on a watched device, one stage of the road a file; the order is in `pipeline.py`."""
