"""The demo: months of real flights, and the loop that keeps a model alive on them."""
