"""`loss-monitor calibrate`: histories of prices in, fitted parameters and a report out."""
