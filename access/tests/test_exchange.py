"""Files into the registers and out of them: tried first, row by row, inside the scope, on the record."""

from __future__ import annotations

import csv
import io
from random import Random

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import Workbook, load_workbook

from access.exchange import tables
from access.identifiers import make_uscc
from access.models import AuditRecord, ImportDraft, Organization, User
from access.roles import Role

ORGANIZATIONS = "/admin/access/organization/"
USERS = "/admin/access/user/"
HEAD = "单位名称,统一社会信用代码,单位类型,上级单位,所在行政区,联系电话"


@pytest.fixture
def root(city, signed_in):
    return signed_in(city.user(Role.ADMINISTRATOR))


def send(client, where, content, name="单位.csv", **fields):
    content = content.encode() if isinstance(content, str) else content
    return client.post(f"{where}import/", {"file": SimpleUploadedFile(name, content), **fields})


def tried(client, where, content, **fields):
    """Address and page of the trial."""
    answer = send(client, where, content, **fields)
    assert answer.status_code == 302, answer.context["form"].errors
    page = client.get(answer["Location"])
    return answer["Location"], page


def counts(page):
    return {group["fate"]: group["count"] for group in page.context["groups"]}


def complaints(page):
    return {row.number: dict(row.errors) for row in page.context["report"].of("refused")}


def refused_file(client, where, content):
    answer = send(client, where, content)
    assert answer.status_code == 200
    return "".join(answer.context["form"].errors["file"])


def new_code(seed=100):
    return make_uscc(Random(seed))


def line(name, code, kind="企业", parent="", region="310115", phone=""):
    return f"{name},{code},{kind},{parent},{region},{phone}"


def sheet(rows):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def csv_rows(answer):
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_a_file_is_tried_first_and_written_when_confirmed(city, root):
    plant = city.organizations["plant"]
    rows = [
        HEAD,
        line("新厂", new_code(), parent=plant.uscc, phone="13812341234"),
        line("改名的厂", plant.uscc, parent=city.organizations["group"].uscc),
        line("shop", city.organizations["shop"].uscc, kind="enterprise", region="310115001"),
    ]
    before = AuditRecord.objects.count()
    where, page = tried(root, ORGANIZATIONS, "\n".join(rows))
    assert counts(page) == {"refused": 0, "new": 1, "changed": 1, "same": 1}
    assert page.context["report"].of("changed")[0].changes == (("单位名称", "plant", "改名的厂"),)
    text = page.content.decode()
    assert "尚未写入" in text
    assert "138****1234" in text
    assert "13812341234" not in text
    assert not Organization.objects.filter(name="新厂").exists()
    assert AuditRecord.objects.count() == before
    assert b"13812341234" not in bytes(ImportDraft.objects.get().sealed)
    done = root.post(where, follow=True)
    assert "已导入：新增 1 行，修改 1 行，不变 1 行，拒收 0 行" in done.content.decode()
    new = Organization.objects.get(name="新厂")
    assert (new.parent, new.region.code, new.kind) == (plant, "310115", "enterprise")
    assert new.contact_phone == Organization(contact_phone="13812341234").contact_phone
    written = {r.action: r for r in AuditRecord.objects.order_by("id")[before:]}
    assert set(written) == {"create", "change", "import"}
    assert written["import"].detail["file"] == "单位.csv"
    assert written["change"].changes == {"name": {"old": "plant", "new": "改名的厂"}}
    again = AuditRecord.objects.count()
    root.post(where)
    assert AuditRecord.objects.count() == again, "confirmed twice, written once"


def test_bad_rows_are_told_by_row_and_column_and_come_back_as_a_file(city, root):
    plant, good = city.organizations["plant"], new_code()
    rows = [
        HEAD,
        line("好", good),
        line("差", "123"),
        "",
        line("", new_code(2), region="999999"),
        line("重", plant.uscc, kind="工厂", parent=city.organizations["group"].uscc),
        line("好二", good),
    ]
    where, page = tried(root, ORGANIZATIONS, "\n".join(rows))
    assert counts(page) == {"refused": 4, "new": 1, "changed": 0, "same": 0}
    told = complaints(page)
    assert set(told) == {3, 5, 6, 7}
    assert "统一社会信用代码" in told[3]
    assert set(told[5]) == {"单位名称", "所在行政区"}
    assert "没有行政区“999999”" in told[5]["所在行政区"]
    assert "工厂" in told[6]["单位类型"]
    assert told[7] == {"": "与第 2 行是同一个对象。"}
    root.post(where)
    assert not Organization.objects.filter(uscc=good).exists(), "all or nothing unless asked otherwise"
    for kind in ("csv", "xlsx"):
        answer = root.get(f"{where}errors.{kind}")
        assert "attachment" in answer["Content-Disposition"]
    errors = csv_rows(root.get(f"{where}errors.csv"))
    assert errors[0] == [*HEAD.split(","), "错误原因"]
    assert [row[0] for row in errors[1:]] == ["差", "", "重", "好二"]
    assert errors[2][-1].count("：") >= 2
    page = root.post(where, {"bad": "skip"}, follow=True)
    assert "新增 1 行" in page.content.decode()
    assert Organization.objects.get(uscc=good).name == "好"
    assert len(csv_rows(root.get(f"{where}errors.csv"))) == 5
    corrected = [errors[0], [*line("差", new_code(9)).split(","), "已改"]]
    _where, page = tried(root, ORGANIZATIONS, "\n".join(",".join(row) for row in corrected))
    assert counts(page)["new"] == 1, "the error file comes back as it is, corrected"


def test_another_district_is_neither_changed_nor_entered_nor_told(city, signed_in):
    client = signed_in(city.user(Role.ADMINISTRATOR, "310115"))
    group, plant = city.organizations["group"], city.organizations["plant"]
    rows = [
        HEAD,
        line("夺取", group.uscc, region="310115"),
        line("外区新厂", new_code(), region="310104"),
        line("挂到外区", new_code(2), parent=group.uscc),
        line("plant", plant.uscc, parent=group.uscc, region="310104"),
    ]
    where, page = tried(client, ORGANIZATIONS, "\n".join(rows))
    told = complaints(page)
    assert set(told) == {2, 3, 4, 5}
    assert "不在您的数据范围内" in told[2][""]
    assert "所在行政区" in told[3]
    assert "上级单位" in told[4]
    client.post(where, {"bad": "skip"})
    group.refresh_from_db()
    assert group.name == "group"
    assert Organization.objects.count() == 4
    out = client.post(f"{ORGANIZATIONS}export/", {"kind": "csv"})
    assert {row[0] for row in csv_rows(out)[1:]} == {"plant", "shop"}
    # A row that stays as it is may name what lies outside: it was so before.
    _where, page = tried(client, ORGANIZATIONS, f"{HEAD}\n{line('plant 2', plant.uscc, parent=group.uscc)}")
    assert counts(page)["changed"] == 1
    other = signed_in(city.user(Role.ADMINISTRATOR, "310115"))
    assert other.get(where).status_code == 404, "another's draft"
    assert other.get(f"{where}errors.csv").status_code == 404


@pytest.mark.parametrize("role", [Role.PLANNER, Role.DISPATCHER, Role.CITY])
def test_who_may_not_change_may_not_import(city, signed_in, role):
    client = signed_in(city.user(role))
    listed = client.get(ORGANIZATIONS).content.decode()
    assert "import/" not in listed
    assert "export/" in listed
    for tail in ("import/", "import/template.csv"):
        assert client.get(ORGANIZATIONS + tail).status_code == 403
    assert send(client, ORGANIZATIONS, HEAD).status_code == 403
    assert client.get(f"{USERS}export/").status_code == 403, "accounts are for administrators"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_encodings_are_recognised(city, root, encoding):
    _where, page = tried(root, ORGANIZATIONS, f"{HEAD}\n{line('龘龘动火公司', new_code())}".encode(encoding))
    assert page.context["report"].of("new")[0].label == "龘龘动火公司"


def test_a_workbook_is_taken_and_its_traps_are_refused(city, root):
    head = HEAD.split(",")
    row = ["表格厂", new_code(), "企业", "", 310115, "021-58881234"]
    _where, page = tried(root, ORGANIZATIONS, sheet([head, row]), name="单位.xlsx")
    assert counts(page)["new"] == 1
    formula = sheet([head, ["=A1", *row[1:]]])
    assert "第 2 行第 1 列是公式" in refused_file(root, ORGANIZATIONS, formula)
    digits = sheet([head, ["数", 913100001234567890, *row[2:]]])
    assert "15 位以后的数字已经丢失" in refused_file(root, ORGANIZATIONS, digits)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "空"),
        (b"\n\n , \n", "文件是空的"),
        (HEAD.encode(), "只有列名"),
        (bytes(range(256)) * 4, "无法识别这个文件"),
        (b"PK\x03\x04rubbish", "无法打开这个工作簿"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "旧格式的 Excel"),
        ("甲,乙\n1,2".encode(), "第一行里没有认识的列名"),
        ("单位名称,颜色\n1,2".encode(), "不认识的列：颜色"),
        ("单位名称,name,统一社会信用代码\n1,2,3".encode(), "同一个意思"),
        ("单位名称\n一厂".encode(), "缺少用来认出每一行的列：统一社会信用代码"),
        ("单位名称,统一社会信用代码\n一,二,三".encode(), "第 2 行的单元格比列名多"),
        ('单位名称,统一社会信用代码\n"一,二'.encode(), "引号不配对"),
    ],
)
def test_rubbish_is_refused_with_words(city, root, content, said):
    assert said in refused_file(root, ORGANIZATIONS, content)
    assert not ImportDraft.objects.exists()


def test_limits_are_told(city, root, monkeypatch):
    monkeypatch.setattr(tables, "MOST_ROWS", 2)
    rows = [HEAD, *(line(f"厂{n}", new_code(n)) for n in range(3))]
    assert "一次最多 2 行" in refused_file(root, ORGANIZATIONS, "\n".join(rows))
    monkeypatch.setattr(tables, "MOST_BYTES", 20)
    assert "文件太大" in refused_file(root, ORGANIZATIONS, "\n".join(rows))


def test_field_names_and_stored_values_are_taken_too(city, root):
    _where, page = tried(root, ORGANIZATIONS, f"name,USCC,kind*,region\nWorks,{new_code()},enterprise,310115")
    assert counts(page)["new"] == 1


def test_formulas_are_neutral_in_exports_and_come_back_whole(city, root):
    evil = '=HYPERLINK("http://x","y")'
    Organization.objects.filter(name="plant").update(name=evil)
    for kind in ("csv", "xlsx"):
        out = root.post(f"{ORGANIZATIONS}export/?q=HYPERLINK", {"kind": kind})
        if kind == "csv":
            rows = csv_rows(out)
            assert out.content.startswith(b"\xef\xbb\xbf")
        else:
            rows = [[cell.value for cell in row] for row in load_workbook(io.BytesIO(out.content)).active]
        assert len(rows) == 2
        assert rows[1][0] == f"'{evil}"
        _where, page = tried(root, ORGANIZATIONS, out.content)
        assert counts(page) == {"refused": 0, "new": 0, "changed": 0, "same": 1}
    record = AuditRecord.objects.filter(action="export").latest("id")
    assert (record.detail["count"], record.detail["filters"]) == (1, "q=HYPERLINK")


def test_what_is_exported_is_what_is_imported(city, root):
    out = root.post(f"{ORGANIZATIONS}export/", {"kind": "csv"})
    assert csv_rows(out)[0] == HEAD.split(",")
    _where, page = tried(root, ORGANIZATIONS, out.content)
    assert counts(page)["same"] == 4


def test_accounts_come_without_passwords_and_leave_without_identifiers(city, root, signed_in):
    text = f"用户名,姓名,所属单位,手机号码,有效\nli,李工,{city.organizations['plant'].uscc},13812341234,是"
    where, page = tried(root, USERS, text)
    assert counts(page)["new"] == 1, complaints(page)
    root.post(where)
    li = User.objects.get(username="li")
    assert not li.has_usable_password()
    assert not li.grants.exists()
    out = root.post(f"{USERS}export/", {"kind": "csv", "personal": "on", "reason": "核对"}).content.decode()
    assert "138****1234" in out
    assert "13812341234" not in out
    seer = city.user(Role.ADMINISTRATOR, "310115")
    seer.grants.create(role=Role.DISTRICT, region=city.regions["310115"])
    client = signed_in(seer)
    assert "请填写事由" in client.post(f"{USERS}export/", {"kind": "csv", "personal": "on"}).content.decode()
    out = client.post(f"{USERS}export/", {"kind": "csv", "personal": "on", "reason": "现场核对"}).content.decode()
    assert "13812341234" in out
    look = AuditRecord.objects.get(action="reveal")
    assert (look.object_id, look.detail["reason"]) == (str(li.pk), "现场核对")
    mighty = city.user(Role.CITY, organization=city.organizations["plant"])
    _where, page = tried(client, USERS, f"用户名,姓名\n{mighty.username},改")
    assert "无权修改" in complaints(page)[2][""], "who may do more is not changed by a file either"


def test_the_ledger_leaves_as_its_page_shows_it(city, root):
    out = csv_rows(root.post("/admin/access/auditrecord/export/", {"kind": "csv"}))
    assert {"时间", "操作", "变更"} <= set(out[0])
    assert root.get("/admin/access/auditrecord/import/").status_code == 403
    assert root.post("/admin/geo/region/export/", {"kind": "xlsx"}).status_code == 200
    assert root.get("/admin/geo/region/import/").status_code == 403


def test_the_history_shows_what_changed_and_only_of_what_one_sees(city, root, signed_in):
    plant = city.organizations["plant"]
    plant.site = city.regions["310115"].boundary
    plant.contact_phone = "13812341234"
    plant.save()
    smaller = plant.site.clone()
    smaller.transform(4326)
    plant.site = type(plant.site)(smaller[0].buffer(-0.1), srid=4326)
    plant.region = city.regions["310104"]
    plant.save()
    page = root.get(f"{ORGANIZATIONS}{plant.pk}/history/").content.decode()
    assert "138****1234" in page
    assert "13812341234" not in page
    assert "形状已变，面积差 -" in page
    assert "310115" in page
    assert "310104" in page
    outsider = signed_in(city.user(Role.ADMINISTRATOR, "310115"))
    assert outsider.get(f"{ORGANIZATIONS}{plant.pk}/history/").status_code == 302
    form = root.get(f"{ORGANIZATIONS}{plant.pk}/change/").content.decode()
    assert f"{ORGANIZATIONS}{plant.pk}/history/" in form


def test_a_corrected_region_has_its_history_too(city, root):
    region = city.regions["310115"]
    where = f"/admin/geo/region/{region.pk}/"
    assert root.post(f"{where}change/", {"name": "浦东新区", "name_en": "Pudong"}).status_code == 302
    page = root.get(f"{where}history/").content.decode()
    assert "浦东新区" in page
    assert f"<del>{region.code}</del>" in page
    record = AuditRecord.objects.latest("id")
    assert f"{where}history/" in root.get(f"{where}change/").content.decode()
    assert "history/" not in root.get(f"/admin/access/auditrecord/{record.pk}/change/").content.decode()
