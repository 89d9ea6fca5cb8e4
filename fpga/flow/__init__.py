"""The steps of `synthesize.py`: wrap, synthesise, place and route, report."""
