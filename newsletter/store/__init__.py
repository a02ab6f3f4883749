"""Where rows live: the engine, its transactions, and the migrations."""
