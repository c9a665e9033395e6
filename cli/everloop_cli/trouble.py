"""What the command tells a person when it cannot do what was requested."""


class Trouble(Exception):
    """Ends the command with a message that says what is wrong and how to fix it; exit code 2."""
