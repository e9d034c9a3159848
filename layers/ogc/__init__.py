"""OGC API Features and Tiles over every map layer (开放接口)."""
