"""The parts that stacks are made of; they know no stack and no stage."""
