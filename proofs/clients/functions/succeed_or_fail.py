"""Ends well, or not, as it is told."""

import argparse
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--mode", choices=["good", "bad"], required=True)
sys.exit(parser.parse_args().mode == "bad")
