"""The watch over a migrating guest, the same for whoever started it and whoever adopted it: observe, decide, act.

`observer` looks at both hosts, `numbers` reads libvirt's counters, `judge` asks the outcome table, `steering` tells
libvirt what options and orders want of the running migration, `converging` and `pausing` what its policy wants, `watch`
is the loop and follows the decision, `ending` and `afterwards` are what is left to do at the end.
"""
