"""Asking the map (图上查询): what is here, near this, along that, in this district, or passed this line."""
