"""One module per task type. Handlers see their parameters and a TaskContext, and nothing else of Atropos."""
