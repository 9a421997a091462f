"""The worked example of the profile page: TypeScript, real pictures, and limits that hold."""
