"""What other parameters would have done: the strategy over the last market records, twice.

The compiled strategy itself runs, on memory of its own, in a child that ends; its orders meet an
assumed exchange.
"""
