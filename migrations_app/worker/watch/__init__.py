"""The watch over a migrating guest, the same for whoever started it and whoever adopted it: observe, decide, act.

`observer` looks at both hosts, `numbers` reads libvirt's counters, `judge` asks the outcome table, `steering` tells
libvirt what options and orders (and, later, a policy) want of the running move, `watch` is the loop and follows the
decision, `afterwards` is what is left to do at the end.
"""
