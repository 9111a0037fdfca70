"""Where tzio and the other packages are known to differ, and why. A difference that no line names is a fault."""

# Where tzio refuses what the other package reads: what it says, and why.
STRICTER = {
    "tensors": {
        r"differs from the index|header length \d+ is not|in the header is not the index's": (
            "index and headers say the same thing twice; tensorizer looks at one of them"
        ),
        r"the index goes on after": "a count that is too small would drop tensors",
        r"the index takes \d+ bytes, the file has": (
            "a region that is longer than the file: it was cut off, or is damaged"
        ),
        r"overlaps what ends|leaves too little room": "tensors share no bytes; tensorizer reads on from where it is",
        r"but the file ends at byte": (
            "a file that is cut off; tensorizer's own check of it are the hashes, where it has some"
        ),
        r"data length \d+ does not fit dtype and shape": (
            "what the index says twice; tensorizer takes it from the header"
        ),
        r"lists two hashes of one type": "readers would differ in which they check",
        r"(CRC-32|SHA-256) of tensor 'meta' does not fit|tensor 'meta': a hash has \d+ bytes": (
            "tensorizer does not check the hashes of tensors without data"
        ),
        r"has no hash though its verification was asked for": (
            "all hashes were asked for; tensorizer checks what there is"
        ),
        r"elements of \w+ have \d+ bytes": "a wrong size under a known name would fool whoever goes by the name",
        r"multiply to more than 2\^63 bytes|dtype '.*' (is|has|holds|lacks|does not name)": (
            "what the index says; tensorizer looks at the header's alone"
        ),
        r"only state-dict tensors can have structured names": (
            "what the index says; tensorizer looks at the header's alone"
        ),
        r"the name is not valid JSON": "a lone surrogate is no text; Python has such texts",
        r"the name holds a boolean": "keys are texts and positions; to Python True is 1",
        r"ends within|is too small for": "a part that runs past its end; tensorizer takes what is there",
    },
    "safetensors": {
        r"stands? in the header twice|stands twice|__metadata__ names .* twice|names __metadata__ twice": (
            "the format forbids it, and readers differ in which they take"
        ),
        r"its entry is no JSON object|its dtype is no JSON string": "the format has no such thing",
        r"the dimensions multiply to 2\^6[34]": "no array can have that shape",
        r"more than NumPy's 64 dimensions": "NumPy's own limit",
        r"the name has \d+ bytes, the limit is 65535": ".tensors can't hold it",
    },
}

# Where tzio reads what the other package refuses: what that says, and why.
MORE_PERMISSIVE: dict[str, dict[str, str]] = {
    "tensors": {},
    "safetensors": {
        r"unknown variant": "a type of a later version; its elements have the size that its data gives them",
    },
}

# The same, by what was changed: tensorizer then fails in any of many ways.
MORE_PERMISSIVE_BY_CHANGE = {
    "gap_before_a_header": "headers stand where the index says; tensorizer reads on from the end of the tensor before",
}
