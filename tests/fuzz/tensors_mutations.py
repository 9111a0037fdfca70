"""All changes to `.tensors` files. Their order is part of what a seed means."""

import tensors_prefix_mutations  # isort: skip
import tensors_entry_mutations  # isort: skip
import tensors_seal_mutations  # isort: skip
from tensors_mutation import MUTATIONS

del tensors_prefix_mutations, tensors_entry_mutations, tensors_seal_mutations

__all__ = ["MUTATIONS"]
