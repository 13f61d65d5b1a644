"""The reference implementation of Argon2, by argon2-cffi: prints the nanoseconds of each run with OWASP's parameters."""

import sys
import time

from argon2.low_level import Type, hash_secret_raw

for _ in range(int(sys.argv[1])):
    start = time.perf_counter_ns()
    hash_secret_raw(b"correct horse battery staple", bytes(16), time_cost=2, memory_cost=19456, parallelism=1, hash_len=32, type=Type.ID)
    print(time.perf_counter_ns() - start)
