"""What only Windows has, each room named by what it gives; the rest of the agent asks in the same words everywhere."""
