"""Labels, data sets, training loops and model cards."""
