"""The evidence of the export: a CRM that misbehaves by seed, and studies that talk to it."""
