from __future__ import annotations

from django.urls import path

from hosts import views

urlpatterns = [
    path("hosts/", views.host_list, name="host-list"),
    path("hosts/groups/", views.group_list, name="host-group-list"),
    path("hosts/groups/add/", views.add_group, name="host-group-add"),
    path("hosts/groups/<int:pk>/change/", views.change_group, name="host-group-change"),
    path("hosts/groups/<int:pk>/delete/", views.delete_group, name="host-group-delete"),
    path("hosts/add/", views.add_host, name="host-add"),
    path("hosts/introductions/", views.introduce, name="introduction-ask"),
    path("hosts/introductions/<int:pk>/", views.introduction, name="introduction"),
    path("hosts/<int:pk>/", views.host, name="host"),
    path("hosts/<int:pk>/edit/", views.edit_host, name="host-edit"),
    path("hosts/<int:pk>/refresh/", views.refresh_host, name="host-refresh"),
    path("hosts/<int:pk>/host-key/", views.confirm_key, name="host-key"),
    path("hosts/<int:pk>/remove/", views.remove, name="host-remove"),
    path("pools/<int:pk>/", views.pool, name="pool"),
    path("pools/<int:pk>/volumes/", views.list_volumes, name="pool-volumes"),
]
