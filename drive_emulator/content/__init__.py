"""The bytes of files: paintings, documents, and the containers that make each copy unique."""
