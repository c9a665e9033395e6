"""How what happened in one service reaches another: an ARN is called, tried again, or buried."""
