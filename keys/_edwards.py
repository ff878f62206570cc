"""Just enough of the curve edwards25519 to judge a public key (RFC 8032 section 5.1).

Plain integers, not constant time: only *public* keys pass through here, once each, when they enter
a verified document. Signing and verifying stay with the `cryptography` library.
"""

from typing import Final, NamedTuple

P: Final = 2**255 - 19
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, P) % P
_SQRT_MINUS_1: Final = pow(2, (P - 1) // 4, P)


class Point(NamedTuple):
    """A point in extended homogeneous coordinates: x = X/Z, y = Y/Z, xy = T/Z."""

    x: int
    y: int
    z: int
    t: int

    def is_identity(self) -> bool:
        """Whether this is the neutral element (0, 1)."""
        return self.x % P == 0 and (self.y - self.z) % P == 0


IDENTITY: Final = Point(0, 1, 1, 0)


def add(first: Point, second: Point) -> Point:
    """The sum of two points, by the complete formulas of RFC 8032 section 5.1.4."""
    a = (first.y - first.x) * (second.y - second.x) % P
    b = (first.y + first.x) * (second.y + second.x) % P
    c = 2 * first.t * second.t * _D % P
    d = 2 * first.z * second.z % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return Point(e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar: int, point: Point) -> Point:
    """The point added to itself `scalar` times."""
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def decode(raw: bytes) -> Point | str:
    """The point that 32 bytes encode, or why they encode none (RFC 8032 section 5.1.3)."""
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return "its y coordinate is not reduced (non-canonical encoding)"
    u, v = (y * y - 1) % P, (_D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * _SQRT_MINUS_1 % P
    if v * x * x % P != u:
        return "it is not a point of the curve"
    if x == 0 and sign:
        return "its sign bit is set although x is zero (non-canonical encoding)"
    if x & 1 != sign:
        x = P - x
    return Point(x, y, 1, x * y % P)
