"""Commands on disorders and treatments: ``compare``, ``disorder``, ``atlas``, and how a composition is shown."""
