"""`make chaos`: a load of tasks while everything breaks at random, and the proof that nothing was lost."""
