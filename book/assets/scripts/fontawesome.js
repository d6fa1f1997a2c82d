// The theme would load 1.5 MB of icons here. The dozen that a page shows are in book.css.
