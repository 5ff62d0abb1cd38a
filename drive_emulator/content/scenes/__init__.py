"""The pictures of the sample folders: painted by arithmetic, no file of anybody's."""
