"""The commands of `ytmarket`, by what they are about."""
