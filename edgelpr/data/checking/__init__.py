"""What can be wrong with labelled plates, found before they train or test anything."""
