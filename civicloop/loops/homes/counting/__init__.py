"""The loop's own arithmetic: money in whole fen, and a sample's share with its interval. Pure; knows no kernel."""
