"""Who we are and whom we believe.

A member's private keys by purpose, the checks a public key passes before it is trusted, and the
verified registry documents that say which member holds which key. Private key material touches the
disk only in `keys.keyfile`. This package imports neither `protocol` nor `node`.
"""
