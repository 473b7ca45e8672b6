"""Who must approve what, and what people decided. What is approved is named by a text such as "request:12"."""
