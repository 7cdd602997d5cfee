"""What fits a board: predicted by the FL core's forecast, verified on the board itself."""
