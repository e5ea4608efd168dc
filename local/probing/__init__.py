"""`make probe`: what a Digital-First tenant answers where nobody outside NICE knows it."""
