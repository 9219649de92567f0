"""From files to pixels: manifests, splits, decoding, sampling. Knows no neural network."""
