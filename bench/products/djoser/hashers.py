"""Argon2id with the parameters of all products."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    memory_cost = 19456
    time_cost = 2
    parallelism = 1
