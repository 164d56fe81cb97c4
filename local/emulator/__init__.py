"""The AWS emulator of the laptop, started by us and corrected where it differs from AWS. It knows no Maskmill stack."""
