"""A hash join: orders, in no order, to the customers who placed them; revenue by country.

The program of the trace `join.zst`. No imports, so that little but the join itself runs.
"""

CUSTOMERS = 2000
ROUNDS = 1000
COUNTRIES = ["BE", "CH", "DE", "FR", "IT", "JP", "KE", "PE", "SE", "US"]


def numbers(count, seed=1):
    """Pseudo-random numbers from 0 to 2**31 - 1, the same ones in each run."""
    for _ in range(count):
        seed = (seed * 1103515245 + 12345) % 2**31
        yield seed


customers = {f"C{number:05}": (number, COUNTRIES[number % 10]) for number in range(CUSTOMERS)}
orders = [(f"C{(number >> 8) % CUSTOMERS:05}", number % 997) for number in numbers(2 * CUSTOMERS)]

revenue = dict.fromkeys(COUNTRIES, 0)
for _ in range(ROUNDS):
    for name, amount in orders:
        number, country = customers[name]
        revenue[country] += amount
print(revenue)
