"""What a split goes by, a file for each: its name is the value of [data.split].by."""
