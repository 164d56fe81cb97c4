"""The domain, pure: values, rules, names and contracts; it knows no clock, network, disk, numpy or AWS."""
