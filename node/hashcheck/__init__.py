"""The look-up service for hosting companies: hit, review or none, and how a hit is complained of.

On the public listener. It says as little as serves: never how near a picture is, nor by whose word
or list something is known, so that nobody can tune what he uploads. What was no hit is forgotten.
"""
