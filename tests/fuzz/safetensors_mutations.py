"""All changes to safetensors files. Their order is part of what a seed means."""

import safetensors_header_mutations  # isort: skip
import safetensors_entry_mutations  # isort: skip
import safetensors_metadata_mutations  # isort: skip
from safetensors_mutation import MUTATIONS

del safetensors_header_mutations, safetensors_entry_mutations, safetensors_metadata_mutations

__all__ = ["MUTATIONS"]
