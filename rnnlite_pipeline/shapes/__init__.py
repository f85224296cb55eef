"""What is known of sizes: which are decided while a model runs."""
