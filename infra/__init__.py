"""What Maskmill consists of in an AWS account; it knows no function's logic."""
